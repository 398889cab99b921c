"""A brand or alias that was set up late is made good by sending the mentions again."""

from monitor.domain import Brand
from tests import recount
from tests.rows import NOW

POST = {
    "platform": "weibo",
    "id": "p1",
    "text": "墨屿的拿铁太难喝了，后悔",
    "published_at": NOW - 600,
}
ANSWER = {
    "platform": "weibo",
    "kind": "comment",
    "id": "c1",
    "parent_id": "p1",
    "text": "同感，踩雷",
    "published_at": NOW - 300,
}


def volume(service, brand):
    return sum(
        sums[0] for sums in service.store.rollups.by_platform(brand, NOW - 3600, NOW).values()
    )


def test_a_repeat_gives_known_mentions_the_brand_that_came_late(service):
    first = service.pipeline.ingest([POST, ANSWER])
    assert (first.accepted, first.unmatched) == (2, 2)
    service.store.brands.add(Brand("moyu", "墨屿"))
    again = service.pipeline.ingest([POST, ANSWER])
    assert (again.accepted, again.updated, again.duplicate) == (0, 1, 1)
    assert volume(service, "moyu") == 2
    assert service.pipeline.ingest([POST, ANSWER]).duplicate == 2


def test_a_repeat_with_a_sender_brand_counts_and_another_text_does_not(service):
    service.pipeline.ingest([POST])
    service.store.brands.add(Brand("moyu", "墨屿"))
    service.store.brands.add(Brand("other", "别家"))
    edited = {**POST, "text": "墨屿和别家都难喝", "brands": ["moyu"]}
    assert service.pipeline.ingest([edited]).updated == 1
    assert (volume(service, "moyu"), volume(service, "other")) == (1, 0)


def test_sums_stay_true_after_late_brands(service, tmp_path):
    service.pipeline.ingest([POST, ANSWER])
    service.store.brands.add(Brand("moyu", "墨屿"))
    service.pipeline.ingest([{**POST, "engagement": {"likes": 9}}, ANSWER])
    path = service.settings.database_url.removeprefix("sqlite:///")
    recount.assert_sums_are_true(path)
    recount.assert_weights_are_true(path)
