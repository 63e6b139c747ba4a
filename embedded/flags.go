package main

import "flag"

// coreDNSFlags are what CoreDNS declares on the process-wide flag set as soon as it is linked in.
// Its -version and -p collide with flags that the other components declare for themselves.
var coreDNSFlags = map[string]bool{
	"conf": true, "plugins": true, "pidfile": true, "version": true, "quiet": true,
	"log-format": true, "dns.port": true, "p": true,
}

// hideForeignFlags removes CoreDNS' flags from the process-wide set, for every component but CoreDNS.
// The other flags stay: kubelet looks up cAdvisor's there.
func hideForeignFlags() {
	kept := flag.NewFlagSet("", flag.ExitOnError)
	flag.CommandLine.VisitAll(func(f *flag.Flag) {
		if !coreDNSFlags[f.Name] {
			kept.Var(f.Value, f.Name, f.Usage)
		}
	})
	flag.CommandLine = kept
}
