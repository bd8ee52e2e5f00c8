// Command kueue is Kueue's controller for plain pods: without its API server of visibility, and without the kinds of
// jobs, topologies and certificates that nobody here needs, which are most of what its own command is built from.
package main

import (
	"context"
	"errors"
	"flag"
	"log"

	"k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/util/flowcontrol"
	"sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	configv1beta1 "sigs.k8s.io/kueue/apis/config/v1beta1"
	configuration "sigs.k8s.io/kueue/apis/config/v1beta2"
	kueuev1alpha1 "sigs.k8s.io/kueue/apis/kueue/v1alpha1"
	kueuev1beta1 "sigs.k8s.io/kueue/apis/kueue/v1beta1"
	kueuev1beta2 "sigs.k8s.io/kueue/apis/kueue/v1beta2"
	"sigs.k8s.io/kueue/pkg/cache/queue"
	cache "sigs.k8s.io/kueue/pkg/cache/scheduler"
	"sigs.k8s.io/kueue/pkg/config"
	"sigs.k8s.io/kueue/pkg/constants"
	"sigs.k8s.io/kueue/pkg/controller/admissionchecks/multikueue"
	"sigs.k8s.io/kueue/pkg/controller/core"
	"sigs.k8s.io/kueue/pkg/controller/core/indexer"
	"sigs.k8s.io/kueue/pkg/controller/jobframework"
	_ "sigs.k8s.io/kueue/pkg/controller/jobs/pod"
	"sigs.k8s.io/kueue/pkg/controller/workloaddispatcher"
	"sigs.k8s.io/kueue/pkg/scheduler"
	preemptions "sigs.k8s.io/kueue/pkg/scheduler/preemption/expectations"
	"sigs.k8s.io/kueue/pkg/scheduler/preemption/fairsharing"
	"sigs.k8s.io/kueue/pkg/util/kubeversion"
	"sigs.k8s.io/kueue/pkg/webhooks"
)

var kinds = runtime.NewScheme()

func main() {
	file := flag.String("config", "", "the file with the controller's configuration")
	flag.Parse()
	controllerruntime.SetLogger(zap.New())
	if err := run(*file); err != nil {
		log.Fatal(err)
	}
}

func run(file string) error {
	for _, add := range []func(*runtime.Scheme) error{
		scheme.AddToScheme,
		kueuev1beta2.AddToScheme, kueuev1beta1.AddToScheme, kueuev1alpha1.AddToScheme,
		configuration.AddToScheme, configv1beta1.AddToScheme, v1alpha1.AddToScheme,
	} {
		if err := add(kinds); err != nil {
			return err
		}
	}
	options, settings, err := config.Load(kinds, file)
	if err != nil {
		return err
	}
	if err := feature.DefaultMutableFeatureGate.SetFromMap(settings.FeatureGates); err != nil {
		return err
	}
	config.AddWebhookSettingsTo(&options, &settings)
	options.Metrics = server.Options{BindAddress: "0"}
	rest := controllerruntime.GetConfigOrDie()
	connection := settings.ClientConnection
	rest.RateLimiter = flowcontrol.NewTokenBucketRateLimiter(*connection.QPS, int(*connection.Burst))
	ctx := controllerruntime.SetupSignalHandler()
	manager, err := controllerruntime.NewManager(rest, options)
	if err != nil {
		return err
	}
	if err := addAll(ctx, manager, &settings); err != nil {
		return err
	}
	return manager.Start(ctx)
}

func addAll(ctx context.Context, manager controllerruntime.Manager, settings *configuration.Configuration) error {
	client, indexes := manager.GetClient(), manager.GetFieldIndexer()
	requeuer, expectations := queue.NewRequeuer(), preemptions.New()
	admitted := cache.New(client,
		cache.WithFairSharing(fairsharing.Enabled(settings.FairSharing)),
		cache.WithAdmissionFairSharing(settings.AdmissionFairSharing))
	queues := queue.NewManager(client, admitted, requeuer,
		queue.WithAdmissionFairSharing(settings.AdmissionFairSharing),
		queue.WithPreemptionExpectations(expectations))
	frameworks := settings.Integrations.Frameworks
	adapters, err := jobframework.GetMultiKueueAdapters(sets.New(frameworks...))
	if err != nil {
		return err
	}
	disco, err := discovery.NewDiscoveryClientForConfig(manager.GetConfig())
	if err != nil {
		return err
	}
	version := kubeversion.NewServerVersionFetcher(disco)
	selector, err := v1.LabelSelectorAsSelector(settings.ManagedJobsNamespaceSelector)
	if err != nil {
		return err
	}
	_, errCore := core.SetupControllers(manager, queues, admitted, settings, nil, expectations, nil)
	_, errDispatcher := dispatcher.SetupControllers(manager, settings, nil)
	_, errWebhooks := webhooks.Setup(manager, nil)
	remote := settings.MultiKueue
	namespace := *settings.Namespace
	err = errors.Join(
		errCore, errDispatcher, errWebhooks,
		version.FetchServerVersion(),
		manager.Add(requeuer),
		manager.Add(version),
		indexer.Setup(ctx, indexes),
		multikueue.SetupIndexer(ctx, indexes, namespace),
		jobframework.SetupIndexes(ctx, indexes, jobframework.WithEnabledFrameworks(frameworks)),
		multikueue.SetupControllers(manager, namespace,
			multikueue.WithGCInterval(remote.GCInterval.Duration),
			multikueue.WithOrigin(*remote.Origin),
			multikueue.WithWorkerLostTimeout(remote.WorkerLostTimeout.Duration),
			multikueue.WithAdapters(adapters),
			multikueue.WithDispatcherName(*remote.DispatcherName)),
		jobframework.SetupControllers(ctx, manager, controllerruntime.Log,
			jobframework.WithManageJobsWithoutQueueName(settings.ManageJobsWithoutQueueName),
			jobframework.WithManagedJobsNamespaceSelector(selector),
			jobframework.WithKubeServerVersion(version),
			jobframework.WithEnabledFrameworks(frameworks),
			jobframework.WithManagerName(constants.KueueName),
			jobframework.WithCache(admitted),
			jobframework.WithQueues(queues)),
		manager.Add(scheduler.New(queues, admitted, client, manager.GetEventRecorderFor(constants.AdmissionName),
			scheduler.WithFairSharing(settings.FairSharing),
			scheduler.WithAdmissionFairSharing(settings.AdmissionFairSharing),
			scheduler.WithPreemptionExpectations(expectations))),
		manager.AddReadyzCheck("readyz", manager.GetWebhookServer().StartedChecker()),
		manager.AddHealthzCheck("healthz", healthz.Ping),
	)
	go queues.CleanUpOnContext(ctx)
	go admitted.CleanUpOnContext(ctx)
	return err
}
