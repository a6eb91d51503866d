package speaks

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/muxkit/muxkit/internal/bounded"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(bounded.Tests(m)) }
