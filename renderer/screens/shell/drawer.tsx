// The sidebar of a narrow window: slides over the content, closes by Escape or a press beside it.
import type { ReactNode } from 'react';
import { Dialog, Modal, ModalOverlay } from 'react-aria-components';
import { openDrawer } from '../../actions/window.ts';
import { useStore } from '../../store/store.ts';
import { Sidebar } from './sidebar.tsx';
import styles from './drawer.module.css';

export function Drawer(): ReactNode {
  const isOpen = useStore(({ view }) => view.isDrawerOpen);
  return (
    <ModalOverlay isOpen={isOpen} onOpenChange={openDrawer} isDismissable className={styles.veil ?? ''}>
      <Modal className={styles.drawer ?? ''}>
        <Dialog aria-label="Navigation" className={styles.dialog ?? ''}>
          <Sidebar />
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}
