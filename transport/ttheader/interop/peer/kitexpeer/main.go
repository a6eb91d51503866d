package main

import (
	"flag"
	"os"

	"github.com/cloudwego/kitex/pkg/klog"

	"github.com/muxkit/muxkit/internal/peertest"
)

func main() {
	address := flag.String("server", "", "be a server at this address, not a client")
	mux := flag.Bool("mux", false, "as a server: with Kitex's mux")
	contextTimeout := flag.Bool("context-timeout", false, "as a server: with WithEnableContextTimeout")
	qps := flag.Int("qps", 0, "as a server: with a limit of calls a second")
	flag.Parse()
	klog.SetLevel(klog.LevelError)
	klog.SetOutput(os.Stderr)
	peertest.EndWithInput()
	if *address != "" {
		serve(*address, *mux, *contextTimeout, *qps)
	}
	peertest.CarryOut(carryOut)
}
