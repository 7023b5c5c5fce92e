import type * as api from './api_gen.js';
/** finalStates are the states in which a job has ended. */
export declare const finalStates: readonly api.JobState[];
/** isFinal reports whether a job has ended. */
export declare function isFinal(job: api.Job): boolean;
