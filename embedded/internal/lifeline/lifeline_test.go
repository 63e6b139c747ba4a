package lifeline

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"time"
)

// behaviour tells the test binary, started again as a child, how to act as a component.
const behaviour = "LIFELINE_TEST_BEHAVIOUR"

func TestMain(m *testing.M) {
	switch os.Getenv(behaviour) {
	case "":
		os.Exit(m.Run())
	case "deaf":
		signal.Ignore(syscall.SIGTERM)
	case "inherits":
		if err := Hold(); err != nil || os.Getenv(Variable) != "" {
			os.Exit(9)
		}
		os.Exit(0)
	}
	if err := Hold(); err != nil {
		os.Exit(2)
	}
	os.Stdout.WriteString("up")
	time.Sleep(time.Minute)
}

// child starts this test binary as a component with a lifeline and waits until it is up.
func child(t *testing.T, how, value string) (*exec.Cmd, io.Closer) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), behaviour+"="+how, Variable+"="+value)
	line, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = io.ReadFull(out, make([]byte, 2))
	return cmd, line
}

func TestComponentEndsBySignalWhenTheLineIsCut(t *testing.T) {
	cmd, line := child(t, "obeys", "stdin")
	line.Close()
	var ended *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &ended) {
		t.Fatalf("the component ended with %v; want a signal", err)
	}
	if status := ended.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGTERM {
		t.Errorf("the component ended with %v; want SIGTERM", ended)
	}
}

func TestComponentThatIgnoresTheSignalIsEndedHard(t *testing.T) {
	cmd, line := child(t, "deaf", "stdin")
	line.Close()
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != ExitCode {
		t.Errorf("exit code %d; want %d", code, ExitCode)
	}
}

func TestVariableIsNotHandedOn(t *testing.T) {
	cmd, line := child(t, "inherits", "stdin")
	defer line.Close()
	if err := cmd.Wait(); err != nil {
		t.Errorf("the variable was still set: %v", err)
	}
}

func TestUnknownValueIsRefused(t *testing.T) {
	cmd, line := child(t, "obeys", "parent")
	defer line.Close()
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 2 {
		t.Errorf("exit code %d; want 2", code)
	}
}
