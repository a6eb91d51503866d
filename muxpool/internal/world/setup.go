package world

import (
	"crypto/tls"
	"os"
	"strconv"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// Full makes the long rows run as often as the fault matrix says: CI sets it.
var Full = os.Getenv("MUXPOOL_FULL") != ""

// Often returns n, or less where the tests should be quick.
func Often(n, quick int) int {
	if Full {
		return n
	}
	return min(n, quick)
}

// EnvInt returns the number in an environment variable.
func EnvInt(name string, otherwise int) int {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		panic(name + ": " + err.Error())
	}
	return n
}

// Settings are those of the fault matrix.
func Settings(more ...muxpool.PoolOption) []muxpool.PoolOption {
	return append([]muxpool.PoolOption{
		muxpool.WithConnectNumber(2),
		muxpool.WithQueueSize(1024),
		muxpool.WithDialTimeout(time.Second),
		muxpool.WithKeepAlive(2 * time.Second),
		muxpool.WithWriteTimeout(3 * time.Second),
		muxpool.WithReconnect(10, 5*time.Millisecond, 50*time.Millisecond),
		muxpool.WithMaxFrameSize(1 << 20),
	}, more...)
}

// Unhurried are settings with which nothing that a busy machine delays ends a dial or a connection.
func Unhurried() []muxpool.PoolOption {
	return []muxpool.PoolOption{
		muxpool.WithDialTimeout(time.Hour), muxpool.WithKeepAlive(time.Hour), muxpool.WithWriteTimeout(time.Hour)}
}

// DropWithin is how long a silent connection may stay in use.
const DropWithin = 3500 * time.Millisecond

// Setup says what a world is made of.
type Setup struct {
	Parser muxpool.FrameParser      // default muxtest.Parser
	Act    muxtest.Action           // what the victim does, default muxtest.Echo
	Opts   []muxpool.PoolOption     // on top of the settings
	TLS    *tls.Config              // what the victim speaks on sockets, nil: plaintext
	Inside func(func() error) error // runs what makes the victim's listener, in a network namespace for example; nil: it just runs
	Alone  bool                     // no healthy node beside: for tests that count allocations or goroutines
	Beside bool                     // other rows run at once: whoever lets them checks for leaks around all, see AtOnce

	// Notices leaves the pool the matrix's times on sockets too, but for a dial's: for stories in which
	// it is to notice a silence. What others tell, no time decides, and their pools are Unhurried there.
	Notices bool
}

// times are the settings of a story on sockets.
func (s Setup) times() []muxpool.PoolOption {
	if s.Notices {
		return []muxpool.PoolOption{muxpool.WithDialTimeout(time.Hour)}
	}
	return Unhurried()
}

// OneConn makes a world with a single connection a node.
var OneConn = []muxpool.PoolOption{muxpool.WithConnectNumber(1)}

// Classified is what most tests want of a parser: the pool knows which answer
// is the last.
type Classified struct {
	muxtest.Parser
	muxtest.Kinds
}

// Alive has the protocol's own keepalive too.
type Alive struct {
	muxtest.Parser
	muxtest.Kinds
	muxtest.KeepAlive
}

// Greeted has a handshake too.
type Greeted struct {
	muxtest.Parser
	muxtest.Kinds
	muxtest.Greeting
}

// Spaced has few ids.
type Spaced struct {
	muxtest.Parser
	muxtest.Kinds
	muxtest.IDs
}
