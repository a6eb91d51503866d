package contenders

import (
	"io"
	"net"

	"github.com/muxkit/muxkit/examples/muxbench/harness"
	"github.com/muxkit/muxkit/muxpool/wire"
)

// muxkitSpawn is the pool with a server that does what a server with a goroutine per
// request cannot do without, and nothing else: it tells how far muxkit's Client and
// Server are from what is possible on their floor.
type muxkitSpawn struct{ muxkitPool }

func (m muxkitSpawn) Info() harness.Info {
	info := m.muxkitPool.Info()
	info.Name, info.Variant = MuxkitSpawned, true
	info.About = "muxkit, but the server starts a goroutine for each request, which queues its answer with a wire.Writer: the limit of muxkit-client"
	return info
}

func (muxkitSpawn) Serve(env harness.Env) (string, error) {
	return env.ServeEach(spawnEchoes)
}

// spawnEchoes serves one connection until it ends.
func spawnEchoes(nc net.Conn) {
	defer nc.Close()
	w := wire.NewWriter(nc, wire.WriterConfig{MaxFrames: 1 << 16})
	source := w.NewSource()
	r := wire.NewReader(source, echoFrameMax)
	for {
		r.BeginFrame()
		header, err := r.Peek(FrameHeader)
		if err != nil {
			return
		}
		n, _ := parseHeader(header)
		frame, err := r.Alloc(FrameHeader + n)
		if err != nil {
			return
		}
		if _, err := io.ReadFull(r, frame); err != nil {
			return
		}
		w.InFlight.Add(1)
		source.Woke()
		go func() {
			_, _ = w.WriteOwned(nil, answerFrame(frame)) // if it fails, so does reading
			w.InFlight.Add(-1)
		}()
	}
}

// answerFrame is the frame itself or, if it asks for bulk, a larger one, of memory of the
// pool's as it is.
func answerFrame(frame []byte) []byte {
	size, ok := harness.BulkSize(frame[FrameHeader:])
	if !ok {
		return frame
	}
	_, id := parseHeader(frame)
	answer := wire.Alloc(FrameHeader + size)
	appendHeader(answer[:0], id, size)
	harness.FillBulk(answer[FrameHeader:], frame[FrameHeader:])
	wire.Free(frame)
	return answer
}
