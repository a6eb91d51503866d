package rpcstatus

import (
	"testing"

	"github.com/muxkit/muxkit/muxpool/verdict"
)

// What a status is called, and whether it is a failure to each side.
func TestStatuses(t *testing.T) {
	for _, c := range []struct {
		code           verdict.Code
		status         string
		client, server bool
	}{
		{0, "OK", false, false},
		{verdict.CodeCanceled, "CANCELED", false, false},
		{verdict.CodeUnknown, "UNKNOWN", true, true},
		{verdict.CodeInvalidArgument, "INVALID_ARGUMENT", true, false},
		{verdict.CodeDeadlineExceeded, "DEADLINE_EXCEEDED", true, true},
		{verdict.CodeNotFound, "NOT_FOUND", true, false},
		{verdict.CodePermissionDenied, "PERMISSION_DENIED", true, false},
		{verdict.CodeResourceExhausted, "RESOURCE_EXHAUSTED", true, false},
		{verdict.CodeUnimplemented, "UNIMPLEMENTED", true, true},
		{verdict.CodeInternal, "INTERNAL", true, true},
		{verdict.CodeUnavailable, "UNAVAILABLE", true, true},
		{verdict.CodeDataLoss, "DATA_LOSS", true, true},
		{verdict.CodeUnauthenticated, "UNAUTHENTICATED", true, false},
		{verdict.CodeBusiness, "BUSINESS", false, false},
		{verdict.CodeTooLarge, "TOO_LARGE", true, false},
		{verdict.CodeConnection, "CONNECTION", true, false},
		{40, "_OTHER", true, false},
		{70, "_OTHER", true, true},
		{100, "_OTHER", true, false},
		{130, "_OTHER", true, true},
	} {
		if got := Of(c.code); got != c.status {
			t.Errorf("%v is called %s, want %s", c.code, got, c.status)
		}
		if Client.Failed(c.code) != c.client || Server.Failed(c.code) != c.server {
			t.Errorf("%v is a failure: %v to a client, %v to a server", c.code, Client.Failed(c.code), Server.Failed(c.code))
		}
	}
	statuses := make(map[string]bool)
	for c := range 256 {
		statuses[Of(verdict.Code(c))] = true
	}
	if len(statuses) != 24 {
		t.Errorf("there are %d statuses", len(statuses))
	}
}
