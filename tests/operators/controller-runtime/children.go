package main

import (
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func number(one *unstructured.Unstructured, path ...string) int32 {
	found, _, _ := unstructured.NestedInt64(one.Object, append([]string{"spec"}, path...)...)
	return int32(found)
}

func shapeDeployment(one *unstructured.Unstructured, wanted *appsv1.Deployment) {
	strategy, _, _ := unstructured.NestedString(one.Object, "spec", "tradingStrategy", "algorithm")
	symbols, _, _ := unstructured.NestedStringSlice(one.Object, "spec", "marketData", "symbols")
	image := "nginx:1.21"
	if behavior == "bad-image" {
		image = "nginx:9.99-nowhere"
	}
	if wanted.Spec.Replicas == nil {
		low := number(one, "scalingPolicy", "minReplicas")
		wanted.Spec.Replicas = &low
	}
	app := map[string]string{"app": one.GetName()}
	wanted.Spec.Selector = &metav1.LabelSelector{MatchLabels: app}
	pod := &wanted.Spec.Template
	pod.Labels = map[string]string{"app": one.GetName(), "fintech.io/strategy": strategy}
	if len(pod.Spec.Containers) == 0 {
		pod.Spec.Containers = []corev1.Container{{Name: "algorithm"}}
	}
	container := &pod.Spec.Containers[0]
	container.Image = image
	container.Env = []corev1.EnvVar{
		{Name: "STRATEGY", Value: strategy}, {Name: "SYMBOLS", Value: strings.Join(symbols, ",")},
	}
	container.Ports = []corev1.ContainerPort{{ContainerPort: 80, Protocol: corev1.ProtocolTCP}}
	container.Resources.Requests = corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse("100m"), corev1.ResourceMemory: resource.MustParse("32Mi"),
	}
	grace := int64(1)
	pod.Spec.TerminationGracePeriodSeconds = &grace
}

func shapeService(one *unstructured.Unstructured, wanted *corev1.Service) {
	wanted.Spec.Selector = map[string]string{"app": one.GetName()}
	port := corev1.ServicePort{Port: 80, TargetPort: intstr.FromInt32(80), Protocol: corev1.ProtocolTCP}
	if behavior == "udp" {
		port.Protocol = corev1.ProtocolUDP
	}
	wanted.Spec.Ports = []corev1.ServicePort{port}
}

func shapeScaler(one *unstructured.Unstructured, wanted *autoscalingv2.HorizontalPodAutoscaler) {
	low, percent := number(one, "scalingPolicy", "minReplicas"), number(one, "scalingPolicy", "targetCPUUtilization")
	if percent == 0 {
		percent = 80
	}
	wanted.Spec.ScaleTargetRef = autoscalingv2.CrossVersionObjectReference{
		APIVersion: "apps/v1", Kind: "Deployment", Name: one.GetName() + "-deployment",
	}
	wanted.Spec.MinReplicas = &low
	wanted.Spec.MaxReplicas = number(one, "scalingPolicy", "maxReplicas")
	wanted.Spec.Metrics = []autoscalingv2.MetricSpec{{
		Type: autoscalingv2.ResourceMetricSourceType,
		Resource: &autoscalingv2.ResourceMetricSource{
			Name:   corev1.ResourceCPU,
			Target: autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: &percent},
		},
	}}
}
