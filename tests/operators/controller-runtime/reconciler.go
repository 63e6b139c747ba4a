package main

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
)

const finalizer = "runtime.example.com/clean-up"

var algorithm = schema.GroupVersionKind{Group: "fintech.io", Version: "v1", Kind: "TradingAlgorithm"}

type reconciler struct{ client.Client }

func (r *reconciler) setUp(manager ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(manager).
		For(newAlgorithm()).
		Owns(&appsv1.Deployment{}).
		Owns(&corev1.Service{}).
		Owns(&autoscalingv2.HorizontalPodAutoscaler{}).
		Complete(r)
}

func newAlgorithm() *unstructured.Unstructured {
	found := &unstructured.Unstructured{}
	found.SetGroupVersionKind(algorithm)
	return found
}

// Reconcile makes the children as the resource says, and tells in its status how they are.
func (r *reconciler) Reconcile(ctx context.Context, asked ctrl.Request) (ctrl.Result, error) {
	found := newAlgorithm()
	if err := r.Get(ctx, asked.NamespacedName, found); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if behavior == "ignores-a-resource" && strings.HasPrefix(found.GetName(), "arbitrage") {
		return ctrl.Result{}, nil
	}
	if !found.GetDeletionTimestamp().IsZero() {
		return ctrl.Result{}, r.cleanUp(ctx, found)
	}
	if !controllerutil.ContainsFinalizer(found, finalizer) {
		before := found.DeepCopy()
		controllerutil.AddFinalizer(found, finalizer)
		if err := r.Patch(ctx, found, client.MergeFrom(before)); err != nil {
			return ctrl.Result{}, err
		}
	}
	deployment, err := r.makeRight(ctx, found)
	if err != nil {
		return ctrl.Result{}, err
	}
	err = r.tell(ctx, found, deployment)
	if behavior == "hot-loop" {
		return ctrl.Result{RequeueAfter: 300 * time.Millisecond}, err
	}
	return ctrl.Result{}, err
}

func (r *reconciler) makeRight(ctx context.Context, one *unstructured.Unstructured) (*appsv1.Deployment, error) {
	deployment := &appsv1.Deployment{ObjectMeta: child(one, "deployment")}
	if err := r.put(ctx, one, deployment, func() { shapeDeployment(one, deployment) }); err != nil {
		return nil, err
	}
	service := &corev1.Service{ObjectMeta: child(one, "service")}
	if err := r.put(ctx, one, service, func() { shapeService(one, service) }); err != nil {
		return nil, err
	}
	scaler := &autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: child(one, "hpa")}
	return deployment, r.put(ctx, one, scaler, func() { shapeScaler(one, scaler) })
}

func child(one *unstructured.Unstructured, part string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: one.GetName() + "-" + part, Namespace: one.GetNamespace()}
}

func (r *reconciler) put(ctx context.Context, one *unstructured.Unstructured, wanted client.Object, shape func()) error {
	_, err := controllerutil.CreateOrPatch(ctx, r.Client, wanted, func() error {
		if behavior == "ignores-updates" && wanted.GetResourceVersion() != "" {
			return nil
		}
		labels := wanted.GetLabels()
		if labels == nil {
			labels = map[string]string{}
		}
		labels["app.kubernetes.io/managed-by"] = "trading-operator"
		labels["fintech.io/component"] = "trading-algorithm"
		wanted.SetLabels(labels)
		shape()
		if behavior == "leaves-a-child" {
			return nil
		}
		return controllerutil.SetControllerReference(one, wanted, r.Scheme())
	})
	return err
}

func (r *reconciler) cleanUp(ctx context.Context, one *unstructured.Unstructured) error {
	if !controllerutil.ContainsFinalizer(one, finalizer) {
		return nil
	}
	children := []client.Object{
		&appsv1.Deployment{ObjectMeta: child(one, "deployment")},
		&autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: child(one, "hpa")},
	}
	if behavior != "leaves-a-child" {
		children = append(children, &corev1.Service{ObjectMeta: child(one, "service")})
	}
	for _, each := range children {
		background := client.PropagationPolicy(metav1.DeletePropagationBackground)
		if err := r.Delete(ctx, each, background); err != nil && !errors.IsNotFound(err) {
			return err
		}
	}
	before := one.DeepCopy()
	controllerutil.RemoveFinalizer(one, finalizer)
	return client.IgnoreNotFound(r.Patch(ctx, one, client.MergeFrom(before)))
}

func (r *reconciler) tell(ctx context.Context, one *unstructured.Unstructured, behind *appsv1.Deployment) error {
	wanted, ready := int64(1), int64(behind.Status.ReadyReplicas)
	if behind.Spec.Replicas != nil {
		wanted = int64(*behind.Spec.Replicas)
	}
	phase, good, reason := "Active", "True", "DeploymentReady"
	if ready < wanted {
		phase, good, reason = "Pending", "False", "PodsNotReady"
		if ready > 0 {
			phase = "Scaling"
		}
	}
	status, _, _ := unstructured.NestedMap(one.Object, "status")
	if status == nil {
		status = map[string]any{}
	}
	now := metav1.Now().UTC().Format(time.RFC3339)
	changed := now
	if old, ok := readyCondition(status); ok && old["status"] == good {
		changed = fmt.Sprint(old["lastTransitionTime"])
	}
	next := map[string]any{
		"phase": phase, "replicas": int64(behind.Status.Replicas), "readyReplicas": ready,
		"conditions": []any{map[string]any{
			"type": "Ready", "status": good, "reason": reason, "lastTransitionTime": changed,
			"message": fmt.Sprintf("%d of %d pods are ready", ready, wanted),
		}},
	}
	same := true
	for key, value := range next {
		same = same && reflect.DeepEqual(status[key], value)
	}
	if same && behavior != "hot-loop" {
		return nil
	}
	before := one.DeepCopy()
	for key, value := range next {
		status[key] = value
	}
	status["lastReconciled"] = metav1.Now().UTC().Format("2006-01-02T15:04:05.000000Z")
	if err := unstructured.SetNestedMap(one.Object, status, "status"); err != nil {
		return err
	}
	return client.IgnoreNotFound(r.Status().Patch(ctx, one, client.MergeFrom(before)))
}

func readyCondition(status map[string]any) (map[string]any, bool) {
	listed, _ := status["conditions"].([]any)
	for _, each := range listed {
		if found, ok := each.(map[string]any); ok && found["type"] == "Ready" {
			return found, true
		}
	}
	return nil, false
}
