from airloop.refs import Outcome


def test_first_model_is_judged_by_absolute_gates_alone(bench, plain):
    verdict = bench.judge(plain, {"metric": "roc_auc", "min": 0.7}, {"metric": "log_loss", "versus": "champion"})
    assert verdict.outcome == Outcome.PROMOTE
    assert verdict.champion_version is None
    print(verdict)
    assert 0


def test_x(bench, plain):
    bench.release(plain)
    other = bench.train(bench.pipeline(model={"seed": 5}))
    verdict = bench.judge(other, {"metric": "roc_auc", "min": 0.7}, {"metric": "log_loss", "versus": "champion", "margin": 0.01})
    print(verdict)
    assert 0
