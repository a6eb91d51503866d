package wire

import (
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// WriterConfig bounds a Writer. Zero values mean the defaults.
type WriterConfig struct {
	MaxFrames int // frames that may wait to be written; default 1024
	MaxBytes  int // bytes that may wait, one frame at the least; default 4 MiB
	// Timeout is how long a write may get nowhere until it fails. Where the kernel can
	// tell (see Transit), what the peer has acknowledged counts: 4 KiB is somewhere.
	// Elsewhere, what the kernel has taken, and it fails after twice that at most.
	// Default 3 s.
	Timeout time.Duration
	// OnError hears of the failed write that ended the Writer, once, on the
	// goroutine whose write it was, with no lock held. Nil: nobody asks.
	OnError func(error)
	// Flushers counts the goroutines of the Writer. Nil: nobody does.
	Flushers Counter
	// Backlog hears, under the Writer's lock, by how many bytes what is queued and not
	// yet written grew or shrank. Nil: nobody asks.
	Backlog func(bytes int)
}

// Counter is told when a goroutine is about to begin, and when it is about to end.
type Counter interface {
	Begin()
	End()
}

// Writer gathers frames of many goroutines into few writes on one connection.
//
// A goroutine that queues a frame while nobody writes becomes the leader: it
// lets others queue theirs for a moment and writes all of them at once, without
// blocking. While the connection's reader is busy with what has arrived, it is
// the leader for everybody: it writes just before its next read (see Source).
// What the kernel does not take at once, and every write on a connection that
// has no non-blocking write (a pipe, TLS that is not on what BeneathTLS returned), goes to a
// flusher goroutine, which lives only as long as there is something to write. So no caller ever blocks
// in a write, and two peers that both write more than the other reads cannot
// deadlock.
//
// Invariant: while frames are queued and err is nil, one of writing, gathering
// and reading is true: somebody is bound to write them. Who finds the queue full
// while nobody is at it, but only bound to, writes at once.
//
// All methods are safe for concurrent use.
type Writer struct {
	nc       net.Conn
	records  *records   // TLS's, that this Writer writes; nil: nc does
	socket   net.Conn   // whose writes have deadlines: nc, or what is beneath records
	raw      *rawWriter // nil where there is no non-blocking write
	odometer *odometer  // nil where the kernel does not tell
	tls      bool       // a write that ran into its deadline has broken the stream
	cfg      WriterConfig

	refMin int // frames from this size on are sent by reference

	// InFlight is kept by the owner: how many calls wait on this connection.
	// With more than one, waiting a moment for the others' frames pays.
	InFlight atomic.Int32

	// accepted is the offset in the stream up to which bytes may have been
	// handed to the kernel. It runs ahead while a write is under way.
	accepted atomic.Uint64

	// mu is the innermost lock: nothing else is locked, and no I/O is done,
	// while it is held. It guards the fields below.
	mu        sync.Mutex
	pending   batch  // queued, in the order of their offsets
	spare     batch  // memory of the batch before
	ahead     []byte // goes out in front of the next frame that is queued
	end       uint64 // offset behind the last byte that was queued
	sent      uint64 // offset up to which the kernel has taken everything
	writes    uint64 // batches that were taken to be written
	err       error
	writing   bool          // a goroutine owns the write side: only it touches active
	gathering bool          // a goroutine will write in a moment, unless somebody has
	reading   bool          // the reader is between two reads and will flush
	blocking  bool          // the flusher is in a write, which has a deadline
	watched   bool          // watcher is set
	watcher   *time.Timer   // calls watch; nil: there was no such write yet
	advance   advance       // of what is watched
	progress  chan struct{} // closed, and forgotten, at the next change of sent or err; nil: nobody waits
	line      line          // who wait for room
	places    places        // of requests whose answers come in order

	// Owned by whoever set writing.
	active  batch
	written int         // bytes of active that the kernel has taken
	sealed  int         // bytes behind them that were made records of
	company bool        // the flusher yields first
	rest    net.Buffers // what a vectored write has yet to write
	flat    []byte      // memory for flatten

	flusher func() // flush; made once, since a method value per start is garbage
}

// NewWriter returns a Writer on nc. Nobody else may write to nc.
func NewWriter(nc net.Conn, cfg WriterConfig) *Writer {
	if cfg.MaxFrames == 0 {
		cfg.MaxFrames = 1024
	}
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = 4 << 20
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 3 * time.Second
	}
	_, isTLS := nc.(*tls.Conn)
	w := &Writer{nc: nc, records: recordsOf(nc), socket: nc, odometer: newOdometer(nc), cfg: cfg}
	if w.records != nil {
		w.socket = w.records.Conn
		w.records.w = w
	}
	w.tls = isTLS && w.records == nil
	w.raw = newRawWriter(w.socket)
	if w.refMin = refMin; w.raw == nil || isTLS {
		w.refMin = refMinPlain
	}
	w.flusher = w.flush
	return w
}

// TryWrite queues a copy of frame and returns its offset in the stream (see
// MaybeSent). With the queue full it returns ErrQueueFull: who wants to wait lines up
// (see LineUp). After the Writer has failed it returns that error.
func (w *Writer) TryWrite(frame []byte) (offset uint64, err error) {
	return w.TryMark(frame, false, nil, 0)
}

// TryWriteOwned is TryWrite for a frame in memory from Alloc, which it takes over
// if, and only if, it returns no error.
func (w *Writer) TryWriteOwned(frame []byte) (offset uint64, err error) {
	return w.TryMark(frame, true, nil, 0)
}

// TryMark is TryWrite or, with owned, TryWriteOwned, that sets mark, if it is not
// nil and not set, before anybody can write the frame, and takes the place, if that is
// one, behind those of all that was queued before (see Next). If the mark is sealed,
// nothing is queued and the error is ErrSealed.
func (w *Writer) TryMark(frame []byte, owned bool, mark *Mark, place Place) (offset uint64, err error) {
	if len(frame) < w.refMin {
		offset, err = w.queue(frame, false, mark, place)
		if err == nil && owned {
			Free(frame)
		}
		return offset, err
	}
	if owned {
		return w.queue(frame, true, mark, place)
	}
	if err := w.Room(len(frame)); err != nil {
		return 0, err // before the frame is copied
	}
	own := append(Alloc(len(frame))[:0], frame...)
	offset, err = w.queue(own, true, mark, place)
	if err != nil {
		Free(own)
	}
	return offset, err
}

// Write is TryWrite that waits for space until done is closed.
func (w *Writer) Write(done <-chan struct{}, frame []byte) (offset uint64, err error) {
	return w.wait(done, frame, (*Writer).TryWrite)
}

// WriteOwned is Write for a frame in memory from Alloc, which it takes over:
// whatever it returns, the caller must not touch frame any more.
func (w *Writer) WriteOwned(done <-chan struct{}, frame []byte) (offset uint64, err error) {
	offset, err = w.wait(done, frame, (*Writer).TryWriteOwned)
	if err != nil {
		Free(frame)
	}
	return offset, err
}

func (w *Writer) wait(done <-chan struct{}, frame []byte, try func(*Writer, []byte) (uint64, error)) (uint64, error) {
	var turn *Turn
	for {
		offset, err := try(w, frame)
		turn.Leave()
		if err != ErrQueueFull {
			return offset, err
		}
		turn = w.LineUp(len(frame))
		select {
		case <-turn.Ready():
		case <-done:
			turn.Leave()
			return 0, err
		}
	}
}

// Precede makes frame go out in front of the next frame that is queued, in the write of
// that one. Until then it is not queued: nothing is set going, nobody waits for it,
// and it ends with the Writer. It takes frame over; of two in front of one frame, the
// second goes out.
func (w *Writer) Precede(frame []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.ahead = frame
	}
}

// Queued returns how many frames and bytes wait for a write.
func (w *Writer) Queued() (frames, bytes int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.pending.frames, w.pending.size
}

// Written returns how many bytes the kernel has taken, and in how many writes: a large one
// may have been several.
func (w *Writer) Written() (bytes, writes uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sent, w.writes
}

// Close ends the Writer with err: queued frames are dropped, later ones refused
// with err. It does not close the connection, which is what ends a write that is
// under way. OnError is not called. Only the first Close, or failure, counts.
func (w *Writer) Close(err error) { w.fail(err) }

func (w *Writer) fail(err error) bool {
	if err == nil {
		err = net.ErrClosed
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return false
	}
	w.err, w.ahead = err, nil
	if w.watcher != nil {
		w.watcher.Stop() // or it would keep all that the Writer knows for its time
	}
	w.backlog(-w.pending.size)
	w.pending.reset()
	w.pending.buf, w.spare = nil, batch{}
	w.notify()
	w.callNext()
	return true
}

// backlog tells Backlog; mu is held.
func (w *Writer) backlog(n int) {
	if w.cfg.Backlog != nil && n != 0 {
		w.cfg.Backlog(n)
	}
}

// Shrink gives back the memory that is kept for the next batches.
func (w *Writer) Shrink() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.spare = batch{}
	if w.pending.frames == 0 {
		w.pending = batch{}
	}
	if !w.writing {
		w.flat = nil
		if w.records != nil {
			w.records.shrink()
		}
	}
}

func (w *Writer) failAndTell(err error) {
	if w.fail(err) && w.cfg.OnError != nil {
		w.cfg.OnError(err)
	}
}
