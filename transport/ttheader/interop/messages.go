package interop

// The service of all peers and of ours. Each of its methods takes a struct with a text in the
// field 1, and returns one with a text in the field 0; Note is one-way.
const (
	Service = "Interop" // in the IDL
	Callee  = "muxkit.interop.server"
	Caller  = "muxkit.interop.client"
)

// Seen is what a server saw of a request.
type Seen struct {
	From        string // the caller's name
	RemainingMS int64  // -1: no deadline
	Strings     map[string]string
	Numbers     map[uint16]string
}

// Order is a call that a real client is to make.
type Order struct {
	Address   string
	Form      string // "ttheader", "ttheader-framed" or "framed"
	Mux       bool   // over one connection; else from the connection pool
	Method    string
	Text      string
	Metadata  map[string]string
	TimeoutMS int
}

// Outcome is what came of it.
type Outcome struct {
	Text     string
	Metadata map[string]string
	Failed   bool
	Kind     string // "business", "exception" or "other"
	Code     int
	Message  string
}
