// Package etcdsd follows and registers the nodes of a service in etcd, by its client v3:
//
//	instancer, err := etcdsd.NewInstancer(client, "/services/stock/")
//	set := muxendpoint.NewSet(instancer, logger)
//
//	registrar, err := etcdsd.NewRegistrar(client, "/services/stock/10.0.0.1:8080", muxendpoint.Instance{Address: "10.0.0.1:8080", Zone: "north"})
//	registrar.Register()
//	defer registrar.Deregister()
//
// Keys and values are those of go-kit's package etcdv3, so that programs can change over one by
// one: a key under the service's prefix for each node, whose value is its address. With a
// weight, a zone or labels the value is an object in JSON (muxendpoint.ParseInstance), which
// needs readers that know it.
//
// # What an Instancer promises
//
// It lists the prefix, and watches it from the revision of the list. Whatever goes wrong, the
// last list stands: etcd is away, the watch ends or is compacted away, its member is
// without a leader, credentials have expired, values are malformed. The error is told beside it, and the prefix is
// listed again, after a pause with jitter. A watch that has died without a word is found out
// by a small look (count and newest revision) each few seconds. An etcd that has lost its
// data (its revision is lower than one that was seen, or it is another cluster) has not said that there are no nodes: those known before are kept,
// for a time in which they can register again.
//
// # What a Registrar promises
//
// Its node is there until Deregister: whatever happened to the lease, the key, or etcd, it registers again,
// within a third of the lease's time once etcd answers. It leaves alone what
// another process has put under its key since. It watches nothing and closes nothing, so
// that any number of Registrars and Instancers share a client, which stays its owner's.
//
// Each Instancer and each Registrar has one goroutine, an Instancer for its watch and its looks
// two more; they end with Stop and Deregister.
package etcdsd
