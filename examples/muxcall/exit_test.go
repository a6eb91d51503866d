package main

import (
	"errors"
	"testing"

	"github.com/muxkit/muxkit/muxpool/verdict"
)

func TestExitCodes(t *testing.T) {
	for want, vs := range map[int][]verdict.Verdict{
		exitRefused: {
			{Code: verdict.CodeBusiness, Ran: verdict.Yes, Answered: true},
			{Code: verdict.CodeUnavailable, Ran: verdict.Refused, Answered: true},
			{Code: verdict.CodeTooLarge, Answered: true},
		},
		exitUsage: {
			{Code: verdict.CodeEncode, Ran: verdict.NotSent},
			{Code: verdict.CodeInvalid, Ran: verdict.NotSent},
			{Code: verdict.CodeTooLarge, Ran: verdict.NotSent},
		},
		exitUnsent: {
			{Code: verdict.CodeConnection, Ran: verdict.NotSent},
			{Code: verdict.CodeDeadlineExceeded, Ran: verdict.NotSent}, // while connecting
			{Code: verdict.CodeUnauthenticated, Ran: verdict.NotSent},  // in the handshake
		},
		exitTimeout: {
			{Code: verdict.CodeDeadlineExceeded},
			{Code: verdict.CodeDeadlineExceeded, Answered: true},
		},
		exitUnknown: {
			{Code: verdict.CodeConnection},
			{Code: verdict.CodeBadResponse, Ran: verdict.Yes},
		},
	} {
		for _, v := range vs {
			if got := exitCode(verdict.Tell(errors.New("cause"), v)); got != want {
				t.Errorf("%v, answered %v: exit code %d, want %d", v, v.Answered, got, want)
			}
		}
	}
	if got := exitCode(nil); got != exitOK {
		t.Errorf("no error: exit code %d", got)
	}
}
