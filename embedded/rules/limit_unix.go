//go:build unix

package main

import "syscall"

// rlimitData is RLIMIT_DATA, which bounds what is written, not what Go merely reserves.
const rlimitData = 2

// limitMemory lets the system end the program before it harms the machine.
func limitMemory(bytes uint64) {
	_ = syscall.Setrlimit(rlimitData, &syscall.Rlimit{Cur: bytes, Max: bytes})
}
