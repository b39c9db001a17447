package relay

// The keys of what is logged.
const (
	logAfter     = "after"
	logBytes     = "bytes"
	logBytesIn   = "bytes_in"
	logBytesOut  = "bytes_out"
	logCode      = "code"
	logDocument  = "document"
	logDocuments = "documents"
	logError     = "error"
	logMethod    = "method"
	logOpsIn     = "ops_in"
	logOpsOut    = "ops_out"
	logPath      = "path"
	logRemote    = "remote"
	logRequest   = "request"
	logRoute     = "route"
	logSession   = "session"
	logSessions  = "sessions"
	logStatus    = "status"
	logSubject   = "subject"
	logTook      = "took"
	logWhy       = "why"
)
