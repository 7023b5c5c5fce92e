package upload

// Tidy goes through the open uploads once, as Run does again and again.
var Tidy = (*Service).tidy
