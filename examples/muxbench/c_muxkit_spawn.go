package main

import (
	"io"
	"net"

	"github.com/muxkit/muxkit/muxpool/wire"
)

// muxkitSpawn is the pool with a server that does what a server with a goroutine per
// request cannot do without, and nothing else: it tells how far muxkit's Client and
// Server are from what is possible on their floor.
type muxkitSpawn struct{ muxkitPool }

func (m muxkitSpawn) Info() Info {
	info := m.muxkitPool.Info()
	info.Name, info.Variant = muxkitSpawned, true
	info.About = "muxkit, but the server starts a goroutine for each request, which queues its answer with a wire.Writer: the limit of muxkit-client"
	return info
}

func (muxkitSpawn) Serve(env Env) (string, error) {
	return env.serveEach(spawnEchoes)
}

// spawnEchoes serves one connection until it ends.
func spawnEchoes(nc net.Conn) {
	defer nc.Close()
	w := wire.NewWriter(nc, wire.WriterConfig{MaxFrames: 1 << 16})
	source := w.NewSource()
	r := wire.NewReader(source, echoFrameMax)
	for {
		r.BeginFrame()
		header, err := r.Peek(frameHeader)
		if err != nil {
			return
		}
		n, _ := parseHeader(header)
		frame, err := r.Alloc(frameHeader + n)
		if err != nil {
			return
		}
		if _, err := io.ReadFull(r, frame); err != nil {
			return
		}
		w.InFlight.Add(1)
		source.Woke()
		go func() {
			_, _ = w.WriteOwned(nil, frame) // if it fails, so does reading
			w.InFlight.Add(-1)
		}()
	}
}
