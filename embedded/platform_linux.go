package main

import (
	"context"

	"github.com/coredns/coredns/coremain"
	// The plug-ins that cluster DNS needs; the default set would drag in every cloud's SDK.
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/forward"
	_ "github.com/coredns/coredns/plugin/health"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/loop"
	_ "github.com/coredns/coredns/plugin/ready"
	_ "github.com/coredns/coredns/plugin/reload"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/component-base/cli"
	kubeproxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
	metricsserver "sigs.k8s.io/metrics-server/cmd/metrics-server/app"

	"labgrader.dev/kube/internal/dispatch"
)

// platformComponents are the parts of a real node, which only Linux can be.
func platformComponents() []dispatch.Component {
	return []dispatch.Component{
		{Name: "kubelet", Run: runKubelet},
		{Name: "kube-proxy", Run: runKubeProxy},
		{Name: "coredns", Run: runCoreDNS},
		{Name: "metrics-server", Run: runMetricsServer},
	}
}

func runKubelet([]string) int {
	return cli.Run(kubelet.NewKubeletCommand(context.Background()))
}

func runKubeProxy([]string) int {
	return cli.Run(kubeproxy.NewProxyCommand())
}

func runCoreDNS([]string) int {
	coremain.Run()
	return 0
}

func runMetricsServer([]string) int {
	return cli.Run(metricsserver.NewMetricsServerCommand(genericapiserver.SetupSignalHandler()))
}
