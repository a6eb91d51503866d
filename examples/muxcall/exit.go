package main

import (
	"github.com/muxkit/muxkit/muxpool/verdict"
)

// The exit codes, which help tells too.
const (
	exitOK          = 0
	exitRefused     = 1 // the service answered with an error; of health: it is not serving
	exitUsage       = 2
	exitUnsent      = 3 // the call never left: the node could not be reached
	exitTimeout     = 4
	exitUnknown     = 5 // the call was sent, and no answer could be had
	exitInterrupted = 130
)

// exitCode returns the exit code for the end of a call.
func exitCode(err error) int {
	if err == nil {
		return exitOK
	}
	v := verdict.Of(err)
	switch {
	case v.Code == verdict.CodeEncode, v.Code == verdict.CodeInvalid,
		v.Code == verdict.CodeTooLarge && v.Ran == verdict.NotSent:
		return exitUsage
	case v.Ran == verdict.NotSent:
		return exitUnsent
	case v.Code == verdict.CodeDeadlineExceeded:
		return exitTimeout
	case v.Answered:
		return exitRefused
	}
	return exitUnknown
}
