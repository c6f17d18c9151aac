import './styles.css';
import { render } from 'preact';
import { App } from './app.js';
import { restoreSession } from './session.js';

void restoreSession();
render(<App />, document.querySelector('#app')!);
