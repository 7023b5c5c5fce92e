import type * as api from './api_gen.js'

/** finalStates are the states in which a job has ended. */
export const finalStates: readonly api.JobState[] = ['completed', 'partial', 'failed', 'cancelled', 'rolled_back']

/** isFinal reports whether a job has ended. */
export function isFinal(job: api.Job): boolean { return finalStates.includes(job.job.state) }
