// Package contenders are muxkit, its rivals, and the limits that both are held against: a
// file each. Importing it enters them all.
package contenders

import "github.com/muxkit/muxkit/examples/muxbench/harness"

// All that can be measured, in the order of tables.
var All = []harness.Contender{
	RawTCP{},
	pipe{},
	muxkitPool{},
	muxkitPool{timeout: true},
	muxkitPool{keep: true},
	muxkitNewcomer{},
	muxkitMemory{},
	muxkitSpawn{},
	muxkitHand{},
	muxkitHand{both: true},
	muxkitService{},
	muxkitService{timeout: true},
	muxkitService{inline: true},
	muxkitService{copied: true},
	muxkitService{copies: true},
	muxkitFull{},
	muxkitThrift{},
	trpcPool{},
	trpcPool{buffered: true},
	plainGRPC{},
	gokitGRPC{},
	connectH2C{},
	gokitHTTP{},
	gokitHTTP{bytes: true},
	netRPC{},
	natsRequest{},
	drpcPool{},
	yamuxStreams{},
	netpollMux{},
	kitexEcho{},
	kitexEcho{pool: true},
	rueidisEcho{},
	redisMuxkit{},
	redisRueidis{},
	redisGo{},
}

func init() { harness.Enter(All...) }
