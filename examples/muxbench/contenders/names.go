package contenders

// The entries of muxkit that targets and tables speak of.
const (
	MuxkitConn   = "muxkit"        // GetMuxConn, Write, Read, Close; inline server
	MuxkitKeep   = "muxkit-keep"   // the same, answers not released
	MuxkitClient = "muxkit-client" // Client and Server, a goroutine per request

	RedisMuxkit = "redis-muxkit" // Client in RESP, on a redis-server

	MuxkitNewcomer      = "muxkit-newcomer"       // the pool as a newcomer uses it
	MuxkitTimeout       = "muxkit-timeout"        // GetOptions.WithTimeout
	MuxkitClientTimeout = "muxkit-client-timeout" // ClientTimeout
	MuxkitInline        = "muxkit-inline"         // Client and Server, calls served inline
	MuxkitCopied        = "muxkit-client-bytes"   // Client and Server, bodies copied
	MuxkitTTHeader      = "muxkit-ttheader"       // Client and Server, Thrift with TTHeader
	MuxkitChain         = "muxkit-chain"          // the full chain: Retry, Balancer, breaker

	// What Client and Server could reach at the most is measured beside them: on the same
	// pool, with less and less of what they do.
	MuxkitSpawned    = "muxkit-spawn"       // a server that starts a goroutine for each request, and echoes
	MuxkitHandClient = "muxkit-hand-client" // the client by hand
	MuxkitByHand     = "muxkit-hand"        // client and server by hand

	// What of a price is memory and contexts, which no pool could spare its caller: the way
	// that is not at that price, and beside it nothing but what the other makes.
	MuxkitMemory = "muxkit-newcomer-memory"     // MuxkitConn, and what MuxkitNewcomer makes
	MuxkitCopies = "muxkit-client-bytes-copies" // MuxkitClient, and what MuxkitCopied copies
)
