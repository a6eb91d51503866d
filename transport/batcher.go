package transport

// Batcher is an optional part of a ServerProtocol a frame of which may bear several
// calls, a batch, whose answers go back in one frame. A Service admits, runs and counts
// each of them as a call of its own, and sends the frame when all have ended, unless all
// are one-way. A batch of more calls than may be in flight on a connection is refused as
// a whole, unrun, with the answer that AppendResponse makes for what ParseRequest made of
// the batch's frame; so is one whose answers are larger than a frame may be. A
// RequestClassifier sees the batch, as RequestCall, and not what it bears; a cancel does
// not reach into it.
type Batcher interface {
	// Requests calls yield for each request that frame bears, as ParseRequest takes it,
	// until it returns false; never if frame is a request by itself, or no good batch,
	// which ParseRequest then refuses. The requests may refer to frame.
	Requests(frame []byte, yield func(request []byte) bool)
	// AppendBatched appends an answer's frame, as AppendResponse made it, to those of
	// the same batch that came before; to nothing if it is the first.
	AppendBatched(dst, answer []byte) []byte
	// EndBatch appends what ends the frame. It is called once, behind the last answer.
	EndBatch(dst []byte) []byte
}
