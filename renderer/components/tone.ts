// The tones in which the window speaks of states; each has its shape and its colour.

/** `unknown`: the window cannot see the engine. */
export type Tone = 'good' | 'working' | 'attention' | 'problem' | 'paused' | 'unknown';
