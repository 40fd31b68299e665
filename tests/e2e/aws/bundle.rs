use super::stack::Stack;

#[tokio::test]
async fn the_bundle_applies() {
    let start = std::time::Instant::now();
    let stack = Stack::apply().await;
    eprintln!("applied {:?} {:#?} {}", start.elapsed(), stack.environment(), stack.outputs);
    let plan = stack.terraform.plan().await;
    eprintln!("planned {:?} {plan:#?}", start.elapsed());
    std::fs::write("/tmp/e2e/state.json", serde_json::to_vec_pretty(&stack.terraform.resources().await).unwrap())
        .unwrap();
    stack.terraform.destroy().await;
    eprintln!("destroyed {:?}", start.elapsed());
}
