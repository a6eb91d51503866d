// Package kubesd follows the pods of a service in Kubernetes: it lists and watches its EndpointSlices, over plain
// HTTP with the token of the pod's service account, without client-go:
//
//	instancer, err := kubesd.NewInstancer("stock", kubesd.WithPort("mux"))
//	set := muxendpoint.NewSet(instancer, logger)
//
// The service account needs the verbs list and watch of endpointslices, in the group discovery.k8s.io, in the service's
// namespace. A headless service is as good as one with an address: nothing goes through the latter.
//
// # Who is named
//
// A service's endpoints are spread over several slices, of at most a hundred each as a rule, and one may be in two of
// them while it moves: all are merged, and an address counts once. Endpoints that are ready are named; if there is
// none, those that are terminating and still serve, which is better than nobody. The zone is the endpoint's, and the
// labels "node" and "pod" say where it runs. Of a service with IPv4 and IPv6 the pods have an address of each:
// those of one family are named (WithFamily). With WithZone the hints for zones of topology-aware routing are followed, as
// kube-proxy does; those for nodes are not.
//
// # What is believed
//
// Before each watch the metadata of the slices are looked at: if they are those that are known, the watch begins there, and
// otherwise the slices are listed anew. So nothing is missed, whatever the API server remembers: also not where its etcd was
// restored or has lost its data, and nodes that it does not name then are named for a minute more (WithGrace). The token is read from its file for every request, and the certificates of the authority too,
// since both are replaced while the pod runs. Errors are told, and the last list stands: a server that is away, refuses,
// or answers nonsense. A service without a single EndpointSlice is an error, until it has had one. Watches end
// every few minutes by themselves; a connection that is dead is found out by the pings of HTTP/2.
//
// # Goroutines
//
// An Instancer has one, one more for its watch, and one for each who is registered. They end with Stop.
package kubesd
