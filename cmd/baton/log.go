package main

// The keys of what is logged.
const (
	logAccess   = "access"
	logDeadline = "deadline"
	logFile     = "log"
	logError    = "error"
	logOpen     = "open"
	logState    = "state"
	logTook     = "took"
)
