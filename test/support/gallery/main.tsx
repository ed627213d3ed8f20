// The real application over an invented engine: `?state=five&theme=dark#/database/sales`.
import '@fontsource-variable/inter/wght.css';
import '../../../renderer/styles/tokens.css';
import '../../../renderer/styles/base.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { startWindow } from '../../../renderer/actions/window.ts';
import { provideConnection } from '../../../renderer/channel/api.ts';
import { App } from '../../../renderer/app.tsx';
import { must } from '../../../shared/assert.ts';
import { openFixture } from './fixture.ts';
import { states } from './states.ts';

const query = new URLSearchParams(location.search);
const name = query.get('state') ?? 'five';
const theme = query.get('theme');
const state = must(states[name], `one of ${Object.keys(states).join(', ')}`);
const fixture = openFixture({ ...state, ...(theme === 'light' || theme === 'dark' ? { theme } : {}) });
startWindow(provideConnection(fixture));
createRoot(must(document.getElementById('root'), 'index.html has it')).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
