// Package consulsd follows and registers the nodes of a service in Consul, by the HTTP API of the agent on this
// machine, without Consul's own client:
//
//	instancer, err := consulsd.NewInstancer("stock")
//	set := muxendpoint.NewSet(instancer, logger)
//
//	registrar, err := consulsd.NewRegistrar("stock", muxendpoint.Instance{Address: "10.0.0.1:8080", Zone: "north"})
//	registrar.Register()
//	defer registrar.Deregister()
//
// The agent's address and the token come from CONSUL_HTTP_ADDR, CONSUL_HTTP_TOKEN and CONSUL_HTTP_TOKEN_FILE, as those of
// Consul's own programs do, or from options. The token is looked for at each request, so that it may be replaced.
//
// # Who is named
//
// Nodes all of whose checks pass, those of the machine too. The address is the service's, or its machine's if it has none, joined with the port,
// IPv6 in brackets. What else is told:
//
//	Weight  the service's weight while passing (Weights.Passing)
//	Zone    the service's meta "zone"; else the locality's zone, of the service or the machine; else the machine's meta "zone"
//	Labels  the service's meta; "node", the machine; "tags", joined with commas
//
// # What an Instancer believes
//
// It asks by blocking queries: Consul answers when something has changed, or after half a minute. Whatever goes wrong, the last list stands, and
// the error is told beside it: the agent is away, silent, without a leader, limits the rate, or answers nonsense; the token is no good any more.
// A token that may not read a service gets an empty list from Consul, and a word about it in a header, which whoever has no token does not even
// get: an empty list is an error in both cases, the latter where Consul denies what it does not allow. So is a service of which no node was ever named: its name may be misspelt. When Consul's index goes backwards it has lost its data: nodes known
// before are named for a while, in which they can register again.
//
// # What a Registrar promises
//
// Its node is there until Deregister, with a check that is critical when the Registrar was not heard of for WithTTL: whatever
// happened to agent and registration, it registers again, within a third of that time once the agent answers. It leaves alone what another
// process has registered under its id since: each writes a random word into the registration (the meta "muxkit-registrar").
// Between its last look and what it does about it another process may come; Consul's agent has no transactions.
//
// A Registrar has one goroutine, an Instancer one more for each query; they end with Deregister and Stop.
package consulsd
