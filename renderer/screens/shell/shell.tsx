// The frame of every screen: sidebar (a drawer where the window is narrow), connection banner, notices, content.
import { Menu, X } from 'lucide-react';
import type { ReactNode } from 'react';
import { dismissNotice, openDrawer } from '../../actions/window.ts';
import { BrandMark } from '../../components/brand-mark.tsx';
import { ErrorText } from '../../components/error-text.tsx';
import { IconButton } from '../../components/icon-button.tsx';
import { Note } from '../../components/note.tsx';
import { useStore } from '../../store/store.ts';
import { ConnectionBanner } from './connection-banner.tsx';
import { Drawer } from './drawer.tsx';
import { Sidebar } from './sidebar.tsx';
import styles from './shell.module.css';

export function Shell({ children }: { readonly children: ReactNode }): ReactNode {
  return (
    <div className={styles.shell}>
      <a className={styles.skip} href="#content" onClick={skipToContent}>
        Skip to the content
      </a>
      <aside className={styles.side}>
        <Sidebar />
      </aside>
      <header className={styles.top}>
        <IconButton icon={Menu} label="Open navigation" onPress={() => openDrawer(true)} />
        <BrandMark size={20} />
        <span className={styles.name}>Tidemark</span>
      </header>
      <Drawer />
      <main id="content" className={styles.main} tabIndex={-1}>
        <div className={styles.content}>
          <ConnectionBanner />
          <Notices />
          {children}
        </div>
      </main>
    </div>
  );
}

function Notices(): ReactNode {
  const notices = useStore(({ view }) => view.notices);
  return notices.map((notice) => (
    <Note
      key={notice.id}
      tone="problem"
      role="alert"
      actions={<IconButton icon={X} label="Dismiss" onPress={() => dismissNotice(notice.id)} />}
    >
      <ErrorText error={notice.error} />
    </Note>
  ));
}

/** The address belongs to places; the focus goes by hand. */
function skipToContent(event: { preventDefault(): void }): void {
  event.preventDefault();
  document.getElementById('content')?.focus();
}
