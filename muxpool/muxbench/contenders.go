package main

// contenders are all that can be measured, in the order of tables.
var contenders = []Contender{
	rawTCP{},
	pipe{},
	muxkitPool{},
	muxkitPool{timeout: true},
	muxkitPool{keep: true},
	muxkitSpawn{},
	muxkitService{},
	muxkitService{timeout: true},
	muxkitService{inline: true},
	muxkitService{copied: true},
	muxkitFull{},
	trpcPool{},
	trpcPool{buffered: true},
	plainGRPC{},
	gokitGRPC{},
	gokitHTTP{},
	gokitHTTP{bytes: true},
	netRPC{},
	natsRequest{},
	drpcPool{},
	yamuxStreams{},
	netpollMux{},
	rueidisEcho{},
}
