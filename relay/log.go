package relay

// The keys of what is logged.
const (
	logAfter    = "after"
	logDocument = "document"
	logError    = "error"
	logMethod   = "method"
	logPath     = "path"
)
