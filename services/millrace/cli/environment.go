package cli

// Variables of the environment that commands read.
const (
	serverEnv       = "MILLRACE_SERVER"
	tokenEnv        = "MILLRACE_TOKEN"
	viewsEnv        = "MILLRACE_VIEWS"
	natsUserEnv     = "MILLRACE_NATS_USER"
	natsPasswordEnv = "MILLRACE_NATS_PASSWORD"
	secretEnv       = "MILLRACE_WEBHOOK_SECRET"
	userEnv         = "USER"
)

// Variable is a variable of the environment, and what the program takes it for.
type Variable struct{ Name, Text string }

// Environment lists the variables that the program reads. A flag for the same wins
// over any of them.
func Environment() []Variable {
	return []Variable{
		{serverEnv, "The address of the server that commands ask."},
		{tokenEnv, "The token or API key that they show it, or @FILE for one in a file."},
		{viewsEnv, "Where the list of jobs is kept, as --views has it. Here it may have a password."},
		{natsUserEnv, "The user of the broker, for serve and doctor."},
		{natsPasswordEnv, "The password of that user."},
		{secretEnv, "The secret that webhook listen signs with."},
		{"MILLRACE_S3_NAME_ACCESS_KEY", "The access key of the S3 endpoint NAME, which is in capitals and has _ for -. " +
			"MILLRACE_S3_NAME_SECRET_KEY and, if it is needed, MILLRACE_S3_NAME_SESSION_TOKEN go with it."},
		{userEnv, "Who changes a rule."},
		{"VISUAL", "The editor of dead letters; without it EDITOR, and then vi."},
		{"XDG_CONFIG_HOME", "The folder of " + profileName + ", which has tokens by server; without it HOME/.config."},
		{"NO_COLOR", "Anything in it turns colors off."},
		{"TERM", "With dumb, nothing is drawn twice."},
		{"PATH", "Where the programs of the command stage are found. They get it, and nothing else of the environment."},
		{"OTEL_EXPORTER_OTLP_ENDPOINT", "Where dev and serve send spans by OTLP over HTTP; without it, and OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, nowhere. " +
			"OTEL_SDK_DISABLED=true and OTEL_TRACES_EXPORTER=none turn that off; the other variables of OpenTelemetry hold too."},
		{"GOMAXPROCS", "How many threads run Go at once; without it some more than there are processors."},
	}
}
