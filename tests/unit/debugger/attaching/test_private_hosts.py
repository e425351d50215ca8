"""Which variables name hosts of a VPC. Pure."""

import pytest

from plldb.debugger.attaching.private_hosts import name_private_hosts


@pytest.mark.parametrize(
    ("value", "private"),
    [
        ("10.0.3.17", True),
        ("postgres://me:secret@172.16.4.5:5432/shop", True),
        ("shop.c1abc2.eu-west-1.rds.amazonaws.com", True),
        ("redis://master.shop.ab12.euw1.cache.amazonaws.com:6379", True),
        ("b-1.shop.x1.c2.kafka.eu-west-1.amazonaws.com:9092,b-2.x", True),
        ("https://vpc-shop-x1.eu-west-1.es.amazonaws.com", True),
        ("http://internal-shop-12.eu-west-1.elb.amazonaws.com/", True),
        ("http://orders.shop.internal:8080", True),
        ("db.local", True),
        ("127.0.0.1:5432", False),
        ("8.8.8.8", False),
        ("999.1.1.1", False),
        ("1.10.0.0.1", False),
        ("https://sqs.eu-west-1.amazonaws.com/1/orders", False),
        ("app.local.example.com", False),
        ("", False),
    ],
)
def test_a_value_with_a_private_host_is_known(value: str, private: bool) -> None:
    assert name_private_hosts({"B": value, "A": value}) == (("A", "B") if private else ())
