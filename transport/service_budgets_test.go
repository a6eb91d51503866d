package transport

import (
	"errors"
	"strings"
	"testing"
)

// TestBudgetsFollowFromTheOtherLimits: two of the largest frames have room in each, with what they count
// for beside; what is not set has room for four, and for what a connection may have.
func TestBudgetsFollowFromTheOtherLimits(t *testing.T) {
	const frame, least = 1 << 20, 2<<20 + 64<<10
	const large, leastLarge = 100 << 20, 200<<20 + 64<<10
	for name, row := range map[string]struct {
		frame, conn, all, peer int
		wantConn, wantAll      int
		err                    string
	}{
		"none are set":             {frame: frame, wantConn: defaultBytes, wantAll: defaultBytes},
		"with large frames":        {frame: large, wantConn: 2 * leastLarge, wantAll: 2 * leastLarge},
		"a connection's":           {frame: frame, conn: least, wantConn: least, wantAll: defaultBytes},
		"a connection's, of more":  {frame: frame, conn: 1 << 30, wantConn: 1 << 30, wantAll: 1 << 30},
		"that of all":              {frame: frame, all: least, wantConn: least, wantAll: least},
		"both":                     {frame: frame, conn: least, all: least + 1, wantConn: least, wantAll: least + 1},
		"a peer's":                 {frame: frame, peer: least, wantConn: defaultBytes, wantAll: defaultBytes},
		"a connection's too small": {frame: frame, conn: least - 1, err: "ServiceMaxBytes(2162687, 134217728): with frames of up to 1048576 bytes at least 2162688 are needed"},
		"that of all too small":    {frame: frame, all: least - 1, err: "ServiceMaxBytes(2162687, 2162687): with frames of up to 1048576 bytes at least 2162688 are needed"},
		"that of all alone":        {frame: frame, conn: least, all: least - 1, err: "ServiceMaxBytes(2162688, 2162687)"},
		"a peer's too small":       {frame: frame, peer: least - 1, err: "ServiceMaxPerPeer: bytes (2162687): with frames of up to 1048576 bytes at least 2162688 are needed"},
		"a peer's of a byte":       {frame: frame, peer: 1, err: "ServiceMaxPerPeer: bytes (1)"},
	} {
		l := ServiceLimits{MaxFrameSize: row.frame, MaxBytesPerConn: row.conn, MaxBytes: row.all, MaxBytesPerPeer: row.peer}
		switch err := l.settle(); {
		case row.err == "" && (err != nil || l.MaxBytesPerConn != row.wantConn || l.MaxBytes != row.wantAll):
			t.Errorf("%s: %d and %d bytes, %v, want %d and %d", name, l.MaxBytesPerConn, l.MaxBytes, err, row.wantConn, row.wantAll)
		case row.err != "" && (!errors.Is(err, ErrInvalidOption) || !strings.Contains(err.Error(), row.err)):
			t.Errorf("%s: %v, want %q", name, err, row.err)
		}
	}
}

// TestLimitsOfPeers: any of them, alone, bounds what a peer has.
func TestLimitsOfPeers(t *testing.T) {
	for name, row := range map[string]struct {
		limits ServiceLimits
		want   bool
	}{
		"none":        {ServiceLimits{MaxConns: 1, MaxInFlight: 1, MaxBytes: 1}, false},
		"connections": {ServiceLimits{MaxConnsPerPeer: 1}, true},
		"calls":       {ServiceLimits{MaxInFlightPerPeer: 1}, true},
		"bytes":       {ServiceLimits{MaxBytesPerPeer: 1}, true},
	} {
		if got := row.limits.perPeer(); got != row.want {
			t.Errorf("%s: peers are bounded: %v, want %v", name, got, row.want)
		}
	}
}
