package main

// The keys of what is logged.
const (
	logAccess   = "access"
	logDeadline = "deadline"
	logFile     = "log"
	logOpen     = "open"
	logTook     = "took"
)
