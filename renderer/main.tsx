// The window's entry: opens the connection, binds the store to it, and renders the application.
import '@fontsource-variable/inter/wght.css';
import './styles/tokens.css';
import './styles/base.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { must } from '../shared/assert.ts';
import { startWindow } from './actions/window.ts';
import { openConnection, provideConnection } from './channel/api.ts';
import { App } from './app.tsx';

startWindow(provideConnection(openConnection()));
createRoot(must(document.getElementById('root'), 'index.html has it')).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
