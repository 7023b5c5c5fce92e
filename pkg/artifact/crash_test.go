package artifact_test

func crashWriter() bool { return false }
