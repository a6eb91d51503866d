// Package dnssd follows the nodes of a service in the DNS: SRV records, or the addresses of a name.
//
//	instancer, err := dnssd.NewSRV("_stock._tcp.example.org")
//	instancer, err := dnssd.NewAddresses("stock.shop.svc.cluster.local", 8080) // a headless service of Kubernetes
//	set := muxendpoint.NewSet(instancer, logger)
//
// It asks the resolver anew when the answer's time to live is over, and, if a Set asks it to because no node
// takes calls, at once, but no more often than each second (WithInterval). The resolver of Go's standard library
// does not tell how long an answer holds, hence github.com/miekg/dns.
//
// Names are whole: the search list of /etc/resolv.conf is not gone through.
//
// # What is believed
//
// Servers are asked in turn until one answers; a truncated answer is asked for by TCP. A server that does not
// answer, fails, refuses, or answers nonsense is passed by, and if all do that is an error: the last list
// stands. That a name does not exist, or has no records of the kind, is what the DNS says of a service without
// nodes, and of one that is misspelled or just being moved: it is an error too, unless there were nodes, and
// the DNS says so twice in a row, the second time when what a cache has of the first is over (RFC 2308), or after the longest
// of WithInterval. Then the list is empty, and the Set keeps its nodes for a minute more. Of A and AAAA each counts for itself.
//
// # Weights and priorities
//
// Of SRV records those with the lowest priority get the calls, by their weights. The others are named too, with
// so little weight that they get a call in some tens of thousands, and all of them when no node of the lowest
// priority takes calls. The label "priority" tells it.
//
// # Goroutines
//
// An Instancer has one, and one more for each who is registered. They end with Stop.
package dnssd
