terraform {
  # Variables that refer to one another came with 1.9, mocked values in a plan with 1.11: the tests need both.
  required_version = ">= 1.11, < 2.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

provider "aws" {
  region = var.region

  # An emulation has neither regions nor real accounts, and answers what it does not know with a 500 that the provider
  # would try again for minutes.
  max_retries                 = var.local_endpoint == null ? null : 2
  skip_credentials_validation = var.local_endpoint != null
  skip_metadata_api_check     = var.local_endpoint == null ? null : true
  skip_region_validation      = var.local_endpoint != null

  default_tags {
    tags = merge(var.tags, {
      application = "gatehouse"
      bundle      = var.name_prefix
      managed_by  = "terraform"
    })
  }
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.name
}
