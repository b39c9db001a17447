package main

// The keys of what is logged.
const (
	logAccess   = "access"
	logAddr     = "addr"
	logDeadline = "deadline"
	logError    = "error"
	logFile     = "log"
	logName     = "name"
	logNames    = "names"
	logOpen     = "open"
	logPath     = "path"
	logPurpose  = "for"
	logState    = "state"
	logTook     = "took"
	logUntil    = "until"
)
