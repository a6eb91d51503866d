package protocoltest_test

import (
	"os"
	"testing"

	"github.com/muxkit/muxkit/internal/bounded"
)

func TestMain(m *testing.M) { os.Exit(bounded.Tests(m).Run()) }
