// Package lifeline ends the process when whoever started it is gone.
//
// The supervisor holds the write end of a pipe whose read end is this process' standard input. The
// system closes that end even when the supervisor is killed with -9, and it does so on Linux and on
// macOS alike; a parent-death signal exists on Linux only and is tied to a thread.
package lifeline

import (
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
)

const (
	// Variable names the environment variable that asks for a lifeline.
	Variable = "LABGRADER_LIFELINE"
	// ExitCode is the status of a process that did not end by itself within Grace.
	ExitCode = 86
	// Grace is how long a component may take to close its files before it is ended hard.
	Grace = 3 * time.Second
)

// Hold starts to watch standard input if the environment asks for it.
// The variable is removed, because a child (a plug-in, runc) has a standard input of its own.
func Hold() error {
	value, set := os.LookupEnv(Variable)
	if !set {
		return nil
	}
	if err := os.Unsetenv(Variable); err != nil {
		return err
	}
	if value != "stdin" {
		return fmt.Errorf("%s=%q is not known: set it to stdin, or unset it", Variable, value)
	}
	go watch(os.Stdin, terminate, os.Exit, Grace)
	return nil
}

// watch waits for the end of line, asks the process to end, and ends it after grace.
// A read error counts as the end too: a lifeline that cannot be read holds nothing.
func watch(line io.Reader, terminate func(), exit func(int), grace time.Duration) {
	_, _ = io.Copy(io.Discard, line)
	terminate()
	time.Sleep(grace)
	exit(ExitCode)
}

func terminate() {
	// Init of a PID namespace gets no signal it has no handler for; the hard end covers that.
	_ = syscall.Kill(syscall.Getpid(), syscall.SIGTERM)
}
