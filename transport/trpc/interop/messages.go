package interop

// Service is what methods begin with, on the real server and on ours.
const Service = "/muxkit.Interop/"

// Seen is what a server saw of a request.
type Seen struct {
	Func, Caller, Callee string
	ContentType          uint32
	RequestID            uint32
	RemainingMS          int64 // -1: no deadline
	Metadata             map[string]string
}

// Order is a call that the real client is to make.
type Order struct {
	Address     string
	Method      string
	Body        []byte
	Attachment  []byte
	Metadata    map[string]string
	TimeoutMS   int
	Multiplexed bool // over one connection; else from the connection pool
	OneWay      bool
	Gzip        bool
	Stream      bool // try to begin a stream
	GoNet       bool // over trpc-go's transport on package net instead of the default, tnet
}

// Outcome is what came of it.
type Outcome struct {
	Body       []byte
	Attachment []byte
	Metadata   map[string]string
	Failed     bool
	Type, Code int // of an *errs.Error
	Message    string
}
