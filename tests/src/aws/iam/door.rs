//! Who gets through a Function URL, by the permissions that Terraform gave the function.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::access::{Access, transport};
use super::policy::{Effect, Policy};
use crate::aws::{ACCOUNT, REGION};

/// A Function URL's mode, and the policy of the function behind it. Roles have no right of their own here: what a role's
/// own policies let it do is not the bundle's.
#[derive(Debug)]
pub struct Door {
    function: String,
    mode: String,
    policy: Policy,
}

impl Door {
    /// The door of the function of this name in a state, each resource as `terraform show -json` tells it. Permissions
    /// become statements as Lambda's `AddPermission` makes them.
    ///
    /// # Errors
    /// What in them is not known here, and a function without a URL.
    pub fn of(function: &str, state: &[Value]) -> Result<Self, String> {
        let arn = format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}");
        let (mut mode, mut statements) = (None, Vec::new());
        for resource in state {
            let values = &resource["values"];
            match resource["type"].as_str().unwrap_or_default() {
                "aws_lambda_function_url" if values["function_name"] == function => {
                    mode = values["authorization_type"].as_str().map(ToOwned::to_owned);
                }
                "aws_lambda_permission" if values["function_name"] == function => {
                    statements.push(statement(&arn, &provider_permission(values))?);
                }
                "aws_cloudformation_stack" => {
                    let template = values["template_body"].as_str().unwrap_or_default();
                    let template: Value =
                        serde_json::from_str(template).map_err(|error| format!("a stack: {error}"))?;
                    let resources = template["Resources"].as_object().into_iter().flatten().map(|(_, one)| one);
                    let permissions = resources.filter(|one| one["Type"] == "AWS::Lambda::Permission");
                    for permission in permissions.map(|one| &one["Properties"]) {
                        if permission["FunctionName"] == function {
                            statements.push(statement(&arn, permission)?);
                        }
                    }
                }
                _ => {}
            }
        }
        let mode = mode.ok_or_else(|| format!("the function {function} has no URL"))?;
        Ok(Self { function: arn, mode, policy: Policy::of(&json!({"Statement": statements}))? })
    }

    /// `NONE` or `AWS_IAM`.
    #[must_use]
    pub fn mode(&self) -> &str {
        &self.mode
    }

    /// Whether a request of a role's gets through the URL: it takes both actions.
    ///
    /// # Errors
    /// A condition that the evaluator does not know.
    pub fn admits(&self, role: &str) -> Result<bool, String> {
        let by_url = [("lambda:FunctionUrlAuthType", self.mode.as_str()), ("lambda:InvokedViaFunctionUrl", "true")];
        Ok(self.allows(role, "lambda:InvokeFunctionUrl", &by_url)?
            && self.allows(role, "lambda:InvokeFunction", &by_url)?)
    }

    /// Whether a role may invoke the function by Lambda's own API, past its URL.
    ///
    /// # Errors
    /// A condition that the evaluator does not know.
    pub fn lets_invoke(&self, role: &str) -> Result<bool, String> {
        self.allows(role, "lambda:InvokeFunction", &[])
    }

    fn allows(&self, role: &str, action: &str, told: &[(&str, &str)]) -> Result<bool, String> {
        let mut context: BTreeMap<_, _> = transport();
        context.extend(told.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        let access = Access { action: action.to_owned(), resource: self.function.clone(), context };
        let (mut allowed, mut denied) = (false, false);
        for statement in self.policy.statements.iter().filter(|statement| statement.concerns(role)) {
            let matches = !statement.matching(&access)?.is_empty();
            allowed |= matches && statement.effect == Effect::Allow;
            denied |= matches && statement.effect == Effect::Deny;
        }
        Ok(allowed && !denied)
    }
}

/// The provider's resource, in the words of the API.
fn provider_permission(values: &Value) -> Value {
    let words = [
        ("StatementId", "statement_id"),
        ("Action", "action"),
        ("Principal", "principal"),
        ("FunctionUrlAuthType", "function_url_auth_type"),
        ("SourceArn", "source_arn"),
        ("SourceAccount", "source_account"),
        ("PrincipalOrgID", "principal_org_id"),
        ("EventSourceToken", "event_source_token"),
        ("Qualifier", "qualifier"),
    ];
    let told = |value: &Value| !value.is_null() && value != "";
    let named = words.iter().map(|(word, name)| (*word, &values[*name])).filter(|(_, value)| told(value));
    named.map(|(word, value)| (word.to_owned(), value.clone())).collect()
}

/// The statement that `AddPermission` makes: Lambda's developer guide, `Control access to Lambda function URLs`, shows it.
fn statement(function: &str, permission: &Value) -> Result<Value, String> {
    let mut made = json!({"Effect": "Allow", "Resource": function});
    for (word, value) in permission.as_object().ok_or("a permission is no object")? {
        match word.as_str() {
            "FunctionName" => {}
            "StatementId" => made["Sid"] = value.clone(),
            "Action" => made["Action"] = value.clone(),
            "Principal" if value == "*" => made["Principal"] = value.clone(),
            "Principal" => made["Principal"] = json!({"AWS": value}),
            "FunctionUrlAuthType" => {
                made["Condition"]["StringEquals"] = json!({"lambda:FunctionUrlAuthType": value});
            }
            "InvokedViaFunctionUrl" => made["Condition"]["Bool"] = json!({"lambda:InvokedViaFunctionUrl": value}),
            _ => return Err(format!("{word} of a permission is not evaluated")),
        }
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: &str = "arn:aws:iam::123456789012:role/app";

    fn url(mode: &str) -> Value {
        json!({"type": "aws_lambda_function_url", "values": {"function_name": "f", "authorization_type": mode}})
    }

    fn first(principal: &str, mode: &str) -> Value {
        json!({"type": "aws_lambda_permission", "values": {"function_name": "f", "statement_id": "s", "principal": principal,
            "action": "lambda:InvokeFunctionUrl", "function_url_auth_type": mode, "source_arn": null, "qualifier": ""}})
    }

    fn second(principal: &str, by_url: &Value) -> Value {
        let mut properties = json!({"FunctionName": "f", "Action": "lambda:InvokeFunction", "Principal": principal});
        if !by_url.is_null() {
            properties["InvokedViaFunctionUrl"] = by_url.clone();
        }
        let resources = json!({"P": {"Type": "AWS::Lambda::Permission", "Properties": properties}});
        let template = json!({"Resources": resources}).to_string();
        json!({"type": "aws_cloudformation_stack", "values": {"template_body": template}})
    }

    #[test]
    fn it_takes_both_permissions_of_the_same_role_in_the_urls_own_mode() {
        let admits = |state: &[Value]| Door::of("f", state).unwrap().admits(APP).unwrap();
        let by_url = json!(true);
        assert!(admits(&[url("AWS_IAM"), first(APP, "AWS_IAM"), second(APP, &by_url)]));
        assert!(admits(&[url("NONE"), first("*", "NONE"), second("*", &by_url)]));
        let other = "arn:aws:iam::123456789012:role/other";
        for state in [
            vec![url("AWS_IAM"), first(APP, "AWS_IAM")],
            vec![url("AWS_IAM"), second(APP, &by_url)],
            vec![url("AWS_IAM"), first(APP, "AWS_IAM"), second(other, &by_url)],
            vec![url("AWS_IAM"), first("*", "NONE"), second("*", &by_url)],
            vec![url("AWS_IAM"), first(APP, "AWS_IAM"), second(APP, &json!(false))],
        ] {
            assert!(!admits(&state), "{state:#?}");
        }
    }

    #[test]
    fn the_second_permission_opens_lambdas_own_api_where_nothing_binds_it_to_the_url() {
        let lets = |by_url: &Value| {
            let state = [url("NONE"), first("*", "NONE"), second("*", by_url)];
            Door::of("f", &state).unwrap().lets_invoke(APP).unwrap()
        };
        assert!(!lets(&json!(true)) && lets(&Value::Null));
    }

    #[test]
    fn what_it_does_not_know_it_refuses() {
        let mut bound = first(APP, "AWS_IAM");
        bound["values"]["source_account"] = json!("123456789012");
        assert!(Door::of("f", &[url("AWS_IAM"), bound]).unwrap_err().contains("SourceAccount"));
        assert!(Door::of("g", &[url("AWS_IAM")]).unwrap_err().contains("no URL"));
    }
}
