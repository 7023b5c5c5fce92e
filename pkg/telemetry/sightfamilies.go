package telemetry

var (
	buildInfo = Family{
		Name: "millrace_build_info", Kind: Gauge, Labels: []string{"version", "revision", "go"},
		Help: "What the program was built from; always 1.",
	}
	lookFailed = Family{
		Name: "millrace_look_failed", Kind: Gauge, Labels: []string{"what"},
		Help: "1 for what could not be looked at this time; its metrics are missing.",
	}
	brokerConnected = Family{
		Name: "millrace_broker_connected", Kind: Gauge, Labels: []string{"part"},
		Help: "Whether a part of the process is connected to the broker.",
	}
	consumerPending = Family{
		Name: "millrace_consumer_pending", Kind: Gauge, Labels: []string{"consumer"},
		Help: "Messages that wait for a consumer and were not delivered. Every gateway and conductor says the same.",
	}
	consumerInFlight = Family{
		Name: "millrace_consumer_in_flight", Kind: Gauge, Labels: []string{"consumer"},
		Help: "Messages that were delivered and are not acknowledged.",
	}
	consumerRedelivered = Family{
		Name: "millrace_consumer_redelivered", Kind: Gauge, Labels: []string{"consumer"},
		Help: "Messages in flight that were delivered before.",
	}
	consumerOldest = Family{
		Name: "millrace_consumer_oldest_seconds", Kind: Gauge, Labels: []string{"consumer"},
		Help: "Age of the oldest message that is not acknowledged; 0 without one.",
	}
	consumerServed = Family{
		Name: "millrace_consumer_served", Kind: Gauge, Labels: []string{"consumer"},
		Help: "Whether somebody takes the messages of a consumer.",
	}
	stageRunning = Family{
		Name: "millrace_stage_running", Kind: Gauge, Labels: []string{"stage"},
		Help: "Tasks of a stage that this process has in hand.",
	}
	stageSlots = Family{
		Name: "millrace_stage_slots", Kind: Gauge, Labels: []string{"stage"},
		Help: "Tasks and undos, each, of a stage that this process takes at once.",
	}
	jobsNow = Family{
		Name: "millrace_jobs", Kind: Gauge, Labels: []string{"pipeline", "state"},
		Help: "Jobs of all tenants that the list of jobs holds, by state. Every gateway says the same.",
	}
	breakerState = Family{
		Name: "millrace_breaker_state", Kind: Gauge, Labels: []string{"dependency"},
		Help: "Circuit of a dependency in this process: 0 closed, 1 half open, 2 open.",
	}
	diskFree = Family{
		Name: "millrace_disk_free_bytes", Kind: Gauge, Labels: []string{"disk"},
		Help: "Room that is left on the disk of a folder: data, artifacts or published.",
	}
	diskSize = Family{
		Name: "millrace_disk_size_bytes", Kind: Gauge, Labels: []string{"disk"},
		Help: "Size of that disk.",
	}
	diskLevel = Family{
		Name: "millrace_disk_level", Kind: Gauge,
		Help: "0 while there is room, 1 while nothing new is admitted, 2 while stages that write rest.",
	}
	deadLetters = Family{
		Name: "millrace_dead_letters_total", Kind: Counter,
		Help: "Messages that no consumer could handle, since there is the mill. Every gateway and conductor says the same.",
	}
	deadLettersKept = Family{
		Name: "millrace_dead_letters_kept", Kind: Gauge,
		Help: "Those of them that are kept, whether somebody has dealt with them or not.",
	}
	viewLagRecords = Family{
		Name: "millrace_view_lag_records", Kind: Gauge,
		Help: "Records that the list of jobs is behind the log at most.",
	}
	viewLagSeconds = Family{
		Name: "millrace_view_lag_seconds", Kind: Gauge,
		Help: "Age of the oldest record that the list of jobs does not hold.",
	}
	viewStale = Family{
		Name: "millrace_view_stale", Kind: Gauge,
		Help: "1 while the list of jobs does not move because of trouble with its database.",
	}
	httpFollowers = Family{
		Name: "millrace_http_followers", Kind: Gauge,
		Help: "Requests that follow jobs or events, or wait for a change.",
	}
	httpUploads = Family{
		Name: "millrace_http_uploads", Kind: Gauge,
		Help: "Uploads that run.",
	}
)

func sightFamilies() []Family {
	return []Family{
		buildInfo, lookFailed, brokerConnected,
		consumerPending, consumerInFlight, consumerRedelivered, consumerOldest, consumerServed,
		stageRunning, stageSlots, jobsNow, breakerState, diskFree, diskSize, diskLevel, deadLetters, deadLettersKept,
		viewLagRecords, viewLagSeconds, viewStale, httpFollowers, httpUploads,
	}
}
