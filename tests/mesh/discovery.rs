//! What a gRPC client learns of a service without our stubs: reflection and health, without a token.

use std::collections::BTreeMap;

use spectra_proto::POOL;
use spectra_tests::Mesh;
use tonic::{Code, codec::CompressionEncoding};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient, server_reflection_request::MessageRequest,
    server_reflection_response::MessageResponse,
};

/// The packages of the contract with the services of each.
fn packages() -> BTreeMap<String, Vec<String>> {
    let mut packages = BTreeMap::<_, Vec<_>>::new();
    for service in POOL.services().filter(|service| service.full_name().starts_with("spectra.")) {
        packages.entry(service.package_name().to_owned()).or_default().push(service.full_name().to_owned());
    }
    assert!(packages.len() >= 3, "{packages:?}");
    packages
}

#[tokio::test]
async fn each_service_lists_and_describes_what_it_offers() {
    let mesh = Mesh::start().await;
    for (package, mut offers) in packages() {
        let ask = async |what: MessageRequest| {
            let request = ServerReflectionRequest { host: String::new(), message_request: Some(what) };
            let mut client = ServerReflectionClient::new(mesh.channel(&package));
            let answers = client.server_reflection_info(tokio_stream::once(request)).await.unwrap();
            answers.into_inner().message().await.unwrap().unwrap().message_response.unwrap()
        };
        let MessageResponse::ListServicesResponse(listed) = ask(MessageRequest::ListServices(String::new())).await else {
            panic!("{package} lists nothing")
        };
        let mut names: Vec<_> = listed.service.into_iter().map(|service| service.name).collect();
        names.retain(|name| name.starts_with("spectra."));
        names.sort();
        offers.sort();
        assert_eq!(names, offers);
        for offer in offers {
            let described = ask(MessageRequest::FileContainingSymbol(offer.clone())).await;
            assert!(matches!(described, MessageResponse::FileDescriptorResponse(_)), "{offer}");
        }
    }
}

#[tokio::test]
async fn each_service_says_that_it_is_well() {
    let mesh = Mesh::start().await;
    for (package, offers) in packages() {
        // A client may compress whatever it sends.
        let mut client = HealthClient::new(mesh.channel(&package)).send_compressed(CompressionEncoding::Gzip);
        for service in offers.iter().chain([&String::new()]) {
            let answer = client.check(HealthCheckRequest { service: service.clone() }).await.unwrap();
            assert_eq!(answer.into_inner().status(), ServingStatus::Serving, "{service}");
        }
        let unknown = client.check(HealthCheckRequest { service: "spectra.nobody".to_owned() }).await.unwrap_err();
        assert_eq!(unknown.code(), Code::NotFound);
    }
}
