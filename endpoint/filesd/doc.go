// Package filesd has discovery without a discovery system: a file that lists the nodes of a
// service, which is looked at again and again, and a file in which a process keeps what its
// discovery system said last, for the next process to begin with.
//
//	instancer, err := filesd.NewInstancer("/etc/nodes/stock")         // somebody, or something, writes it
//	instancer, err := filesd.Remember(ofEtcd, "/var/lib/shop/stock")  // this process writes it
//
// Both are go-kit's sd.Instancer, and muxendpoint.Instancer. Each has one goroutine, which ends with Stop, and one
// more for each who is registered.
package filesd
