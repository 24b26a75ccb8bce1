output "vpc_id" {
  description = "The network"
  value       = aws_vpc.this.id
}

output "subnets" {
  description = "Subnet ids by kind"
  value = {
    public      = aws_subnet.public[*].id
    application = aws_subnet.application[*].id
    data        = aws_subnet.data[*].id
  }
}

output "groups" {
  description = "Security group ids by what they protect"
  value = {
    balancer    = aws_security_group.balancer.id
    application = aws_security_group.application.id
    database    = aws_security_group.database.id
    cache       = aws_security_group.cache.id
  }
}
